"""Convolutions: layers, and the three maps that they and their gradients are made of."""

from gradlab.nn.convolution.conv1d import Conv1D as Conv1D
from gradlab.nn.convolution.conv2d import Conv2D as Conv2D
from gradlab.nn.convolution.locally_connected import LocallyConnected1D as LocallyConnected1D
from gradlab.nn.convolution.locally_connected import LocallyConnected2D as LocallyConnected2D
from gradlab.nn.convolution.transposed import TransposedConv2D as TransposedConv2D
