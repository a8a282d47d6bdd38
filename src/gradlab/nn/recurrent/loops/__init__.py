"""The steps of recurrent layers in machine code, for numbers of 32 bits on a CPU.

A recurrent step is small: XLA spends as long on going from one of its operations to the next as on
the numbers. Here one loop goes over the steps, multiplies the outputs before by the recurrent
weights with all gates of a unit side by side in registers, and squashes them there. What the inputs
give to the gates, and the gradients of inputs and weights, are large products that XLA does well:
they stay outside, but for those of a small LSTM, which would go through memory on the way. A
training step of an LSTM or GRU takes half the time.

    steps   what the loops have in common
    lstm    the LSTM's
    gru     the GRU's, in both of its forms
"""
