"""Recording PyTorch: against NumPy by hand, on models of every kind, leaving training as it is."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from gradlab.doctor.history.loop import LoopRecorder
from gradlab.errors import DataError

pytestmark = pytest.mark.peers
torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional

if torch:
    from gradlab.doctor.history.torch import TorchRecorder


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def rows(n=64, columns=8, classes=3):
    x = torch.randn(n, columns)
    return x, x[:, :classes].argmax(1)


def train(model, x, y, *, loss=None, optimizer=None, epochs=2, batch=16, record=True, **options):
    loss = loss or nn.CrossEntropyLoss()
    optimizer = optimizer or torch.optim.SGD(model.parameters(), 0.1)
    recorder = None
    if record:
        recorder = TorchRecorder(model, loss, optimizer, probe=(x[:32], y[:32]), every=1, **options)
    for _ in range(epochs):
        for i in range(0, len(x), batch):
            optimizer.zero_grad()
            value = loss(model(x[i : i + batch]), y[i : i + batch])
            value.backward()
            optimizer.step()
            if recorder:
                recorder.step(value)
        if recorder:
            recorder.epoch()
    return recorder


def layers(model, x, y, loss=None):
    recorder = TorchRecorder(model, loss or nn.CrossEntropyLoss(), probe=(x, y))
    return recorder.evidence().setup.weighted


class TestNumbers:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_as_the_pass_in_numpy(self, dtype):
        model = nn.Sequential(
            nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 6), nn.Sigmoid(), nn.Linear(6, 3)
        ).to(dtype)
        with torch.no_grad():
            model[0].bias[3] = -100  # a dead unit
            model[2].weight[1] = model[2].weight[4]  # twins
            model[2].bias[:2] = 20  # stuck units
        x, y = rows(64)
        x = x.to(dtype)
        recorder = TorchRecorder(model, nn.CrossEntropyLoss(), probe=(x, y))
        by_hand = LoopRecorder(
            setup={
                "loss": "CrossEntropyLoss",
                "layers": [
                    {"place": "0", "units": 16, "activation": "relu"},
                    {"place": "2", "units": 6, "activation": "sigmoid"},
                    {"place": "4", "units": 3, "activation": "linear"},
                ],
            },
            weights=[
                [model[k].weight.detach().numpy().T, model[k].bias.detach().numpy()]
                for k in (0, 2, 4)
            ],
            probe=(x, y),
        )
        found, expected = (r.evidence().records[0].probes for r in (recorder, by_hand))
        for name, values in vars(expected).items():
            if name != "penalty":  # which a loop does not tell
                np.testing.assert_allclose(
                    getattr(found, name), values, rtol=2e-4, atol=1e-6, err_msg=name
                )
        assert found.dead[0, 0] == 1 / 16
        assert found.stuck[0, 1] == 2 / 6
        assert found.alike[0, 1] == 2 / 6

    def test_update_is_that_of_the_step_that_leads_there(self):
        x, y = rows(16)
        model = nn.Sequential(nn.Linear(8, 3))
        optimizer = torch.optim.SGD(model.parameters(), 0.5)
        recorder = TorchRecorder(model, nn.CrossEntropyLoss(), optimizer, probe=(x, y))
        before = model[0].weight.detach().clone(), model[0].bias.detach().clone()
        nn.CrossEntropyLoss()(model(x), y).backward()
        optimizer.step()
        recorder.step()
        now = model[0].weight.detach(), model[0].bias.detach()
        moved = sum(float(((a - b) ** 2).sum()) for a, b in zip(before, now, strict=True)) ** 0.5
        size = sum(float((a**2).sum()) for a in now) ** 0.5
        probes = recorder.evidence().records[0].probes
        assert probes.update[1, 0] == pytest.approx(moved / size, rel=1e-5)
        # One full batch at rate 0.5: the step is half the gradient of the same rows.
        assert moved == pytest.approx(0.5 * probes.gradient[0, 0], rel=1e-4)

    def test_batch_norm_gap(self):
        x = 5 + 3 * torch.randn(64, 4)
        model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2))
        recorder = TorchRecorder(model, nn.CrossEntropyLoss(), probe=(x, torch.arange(64) % 2))
        probes = recorder.evidence().records[0].probes
        mean, std = x.mean(0).numpy(), x.std(0, correction=0).numpy()
        expected = np.sqrt(np.mean((mean / std) ** 2))  # running mean 0, running variance 1
        assert probes.norm_gap[0] == pytest.approx(expected, rel=1e-3)
        assert model[0].running_mean.tolist() == [0, 0, 0, 0]

    def test_regression_spread_is_relative(self):
        x = torch.randn(64, 1)
        model = nn.Sequential(nn.Linear(1, 1))
        with torch.no_grad():
            model[0].weight.fill_(1.0)
        recorder = TorchRecorder(model, nn.MSELoss(), probe=(x, 4 * x))
        evidence = recorder.evidence()
        assert evidence.setup.task == "regression"
        assert evidence.records[0].probes.output_std[0] == pytest.approx(0.25, rel=1e-5)


class TestTrainingIsUntouched:
    @pytest.mark.parametrize("kind", ["plain", "dropout", "recurrent", "shared"])
    def test_bit_for_bit(self, kind):
        x, y = rows(64)

        def run(record):
            torch.manual_seed(1)
            if kind == "recurrent":
                model, inputs = Recurrent(), x.reshape(64, 4, 2)
            else:
                middle = nn.Linear(12, 12)
                model = nn.Sequential(
                    nn.Linear(8, 12),
                    nn.BatchNorm1d(12),
                    nn.ReLU(inplace=True),
                    nn.Dropout(0.4 if kind == "dropout" else 0.0),
                    middle,
                    nn.RReLU(),
                    *([middle, nn.Tanh()] if kind == "shared" else []),
                    nn.Linear(12, 3),
                )
                inputs = x
            optimizer = torch.optim.Adam(model.parameters(), 0.01)
            train(model, inputs, y, optimizer=optimizer, epochs=3, record=record)
            return model.state_dict(), torch.rand(4), optimizer.state_dict()["state"]

        with_recorder, without = run(True), run(False)
        for name, value in without[0].items():
            assert torch.equal(with_recorder[0][name], value), name
        assert torch.equal(with_recorder[1], without[1])
        for index, state in without[2].items():
            assert all(torch.equal(with_recorder[2][index][k], v) for k, v in state.items())

    def test_gradients_modes_and_hooks_stay(self):
        x, y = rows(32)
        model = nn.Sequential(nn.Linear(8, 4), nn.Dropout(0.5), nn.BatchNorm1d(4), nn.Linear(4, 3))
        model[2].eval()  # frozen statistics
        nn.CrossEntropyLoss()(model(x), y).backward()
        kept = [p.grad.clone() for p in model.parameters()]
        modes = [m.training for m in model.modules()]
        recorder = TorchRecorder(model, nn.CrossEntropyLoss(), probe=(x, y))
        recorder.step()
        model.eval()
        with torch.inference_mode():
            recorder.epoch(val_loss=1.0)
        assert not model.training
        model.train()
        model[2].eval()
        assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), kept, strict=True))
        assert [m.training for m in model.modules()] == modes
        for module in model.modules():
            assert not module._forward_hooks
            assert not module._forward_pre_hooks
            assert not module._backward_hooks

    def test_recurrent_weights_still_learn(self):
        # Swapping parameters by torch.func would leave an LSTM with stale ones.
        x, y = rows(64)
        model = Recurrent()
        before = model.lstm.weight_hh_l0.detach().clone()
        train(model, x.reshape(64, 4, 2), y)
        assert not torch.equal(model.lstm.weight_hh_l0, before)
        kept = model.lstm._flat_weights
        assert all(a is b for a, b in zip(kept, model.lstm.parameters(), strict=True))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(2, 6, batch_first=True, dropout=0.0)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.head(h[-1])


class TestModels:
    def test_functions_are_seen_like_modules(self):
        class Functional(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)
                self.c, self.d = nn.Linear(8, 8), nn.Linear(8, 3)

            def forward(self, x):
                x = F.relu(self.a(x))
                x = torch.tanh(self.b(F.dropout(x, 0.2, self.training)))
                return self.d(self.c(x).clamp(min=0))

        found = layers(Functional(), *rows())
        assert [(layer.place, layer.activation) for layer in found] == [
            ("a", "relu"),
            ("b", "tanh"),
            ("c", "relu"),
            ("d", "linear"),
        ]

    @pytest.mark.parametrize(
        ("module", "name"),
        [
            (nn.ReLU(), "relu"),
            (nn.ReLU6(), "relu6"),
            (nn.LeakyReLU(0.2), "leaky_relu"),
            (nn.PReLU(), "prelu"),
            (nn.ELU(), "elu"),
            (nn.SELU(), "selu"),
            (nn.GELU(), "gelu"),
            (nn.SiLU(), "silu"),
            (nn.Mish(), "mish"),
            (nn.Softplus(), "softplus"),
            (nn.Softsign(), "softsign"),
            (nn.Sigmoid(), "sigmoid"),
            (nn.Tanh(), "tanh"),
            (nn.Hardtanh(), "hard_tanh"),
            (nn.Hardsigmoid(), "hard_sigmoid"),
        ],
    )
    def test_activation_modules(self, module, name):
        x, y = rows()
        model = nn.Sequential(nn.Linear(8, 5), module, nn.Linear(5, 3))
        recorder = TorchRecorder(model, nn.CrossEntropyLoss(), probe=(x, y))
        evidence = recorder.evidence()
        assert evidence.setup.weighted[0].activation == name
        assert np.isfinite(evidence.records[0].probes.saturated).all()

    def test_own_parameters_and_shared_layers(self):
        class Own(nn.Module):
            def __init__(self):
                super().__init__()
                self.w = nn.Parameter(torch.randn(8, 6))
                self.b = nn.Parameter(torch.randn(6))
                self.shared = nn.Linear(6, 6)
                self.out = nn.utils.parametrizations.weight_norm(nn.Linear(6, 3))

            def forward(self, x):
                x = torch.sigmoid(x @ self.w + self.b)
                for _ in range(3):
                    x = torch.relu(self.shared(x))
                return self.out(x)

        x, y = rows()
        model = Own()
        recorder = TorchRecorder(model, nn.CrossEntropyLoss(), probe=(x, y))
        evidence = recorder.evidence()
        found = evidence.setup.weighted
        assert [layer.place for layer in found] == ["w", "shared", "out"]
        assert [layer.n_parameters for layer in found] == [8 * 6 + 6, 42, 18 + 3 + 3]
        assert [layer.activation for layer in found] == ["sigmoid", "relu", "linear"]
        probes = evidence.records[0].probes
        assert np.isfinite(probes.gradient[0]).all()
        # The three uses are counted together.
        a = torch.sigmoid(x @ model.w + model.b)
        uses = []
        for _ in range(3):
            a = torch.relu(model.shared(a))
            uses.append(a.detach().numpy())
        assert probes.mean[0, 1] == pytest.approx(np.mean(uses), rel=1e-4)
        model.zero_grad()
        nn.CrossEntropyLoss()(model(x), y).backward()
        expected = sum(float((p.grad**2).sum()) for p in model.shared.parameters()) ** 0.5
        assert probes.gradient[0, 1] == pytest.approx(expected, rel=1e-4)

    def test_convolutions_with_shortcut(self):
        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.one, self.two = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
                self.norm = nn.BatchNorm2d(4)
                self.head = nn.Linear(4, 3)

            def forward(self, x):
                x = F.relu(self.one(x))
                x = F.relu(self.norm(self.two(x)) + x)
                return self.head(F.adaptive_avg_pool2d(F.dropout2d(x, 0.1), 1).flatten(1))

        model = Block()
        with torch.no_grad():
            model.one.bias[2] = -1000
        x, y = torch.randn(32, 2, 6, 6), torch.arange(32) % 3
        evidence = TorchRecorder(model, nn.CrossEntropyLoss(), probe=(x, y)).evidence()
        kinds = [(layer.kind, layer.activation) for layer in evidence.setup.layers]
        assert kinds == [
            ("conv", "relu"),
            ("conv", "relu"),
            ("norm", None),
            ("dropout", None),
            ("pool", None),
            ("dense", "linear"),
        ]
        conv = evidence.setup.layers[0]
        assert (conv.units, conv.fan_in, conv.fan_out) == (4, 18, 36)
        assert evidence.records[0].probes.dead[0, 0] == 0.25

    def test_modules_that_return_tuples(self):
        x, y = rows()
        found = TorchRecorder(
            Recurrent(), nn.CrossEntropyLoss(), probe=(x.reshape(64, 4, 2), y)
        ).evidence()
        lstm, _ = found.setup.weighted
        assert (lstm.kind, lstm.units, lstm.activation) == ("recurrent", 6, "tanh")
        assert lstm.n_parameters == 4 * (2 * 6 + 6 * 6 + 12)
        probes = found.records[0].probes
        assert np.isfinite(probes.gradient_out).all()
        assert probes.alike[0, 0] == 0

        class Tuple(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = nn.Linear(8, 3)

            def forward(self, x):
                return self.inner(x), {"extra": x}

        assert layers(Tuple(), x, y)[0].place == "inner"

    def test_cells_in_a_loop_and_attention(self):
        class Cells(nn.Module):
            def __init__(self):
                super().__init__()
                self.cell = nn.GRUCell(2, 5)
                self.attention = nn.MultiheadAttention(5, 1, batch_first=True)
                self.head = nn.Linear(5, 3)

            def forward(self, x):
                h = x.new_zeros(len(x), 5)
                steps = []
                for t in range(x.shape[1]):
                    h = self.cell(x[:, t], h)
                    steps.append(h)
                seen, _ = self.attention(*[torch.stack(steps, 1)] * 3)
                return self.head(seen.mean(1))

        x, y = rows()
        found = layers(Cells(), x.reshape(64, 4, 2), y)
        assert [layer.place for layer in found] == ["cell", "head"]

    def test_frozen_layers(self):
        x, y = rows()
        model = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))
        model[0].requires_grad_(False)
        optimizer = torch.optim.SGD(model[2].parameters(), 0.1)
        recorder = train(model, x, y, optimizer=optimizer)
        evidence = recorder.evidence()
        assert [layer.n_parameters for layer in evidence.setup.weighted] == [0, 21]
        probes = evidence.records[0].probes
        # What is not trained has no gradient to vanish.
        assert np.isnan(probes.gradient[:, 0]).all()
        assert np.isfinite(probes.gradient[:, 1]).all()
        assert np.isfinite(probes.mean).all()
        assert evidence.notes == ()

    def test_parameters_that_the_optimizer_lacks(self):
        x, y = rows()
        model = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))
        recorder = TorchRecorder(
            model,
            nn.CrossEntropyLoss(),
            torch.optim.SGD([*model[2].parameters(), nn.Parameter(torch.ones(1))], 0.1),
            probe=(x, y),
        )
        notes = " ".join(recorder.evidence().notes)
        assert "never move: 0.weight, 0.bias" in notes
        assert "1 tensors that are not the model's" in notes

    @pytest.mark.parametrize("how", ["autocast", "bfloat16", "scaler"])
    def test_mixed_precision(self, how):
        x, y = rows(64)
        model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
        if how == "bfloat16":
            model, x = model.bfloat16(), x.bfloat16()
            recorder = train(model, x, y)
        else:
            loss, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), 0.1)
            scaler = torch.amp.GradScaler("cpu", enabled=how == "scaler")
            recorder = TorchRecorder(
                model, loss, optimizer, probe=(x, y), every=1, precision=torch.bfloat16
            )
            for _ in range(4):
                optimizer.zero_grad()
                with torch.autocast("cpu", torch.bfloat16):
                    value = loss(model(x), y)
                scaler.scale(value).backward()
                scaler.step(optimizer)
                scaler.update()
                recorder.step(value)
            recorder.epoch()
        (record,) = recorder.evidence().records
        assert np.isfinite(record.probes.gradient).all()
        assert np.isfinite(record.probes.loss).all()
        assert record.train_loss[0] > 0
        assert model[0].weight.dtype == (torch.bfloat16 if how == "bfloat16" else torch.float32)

    @pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
    def test_compiled_and_parallel_wrappers(self):
        x, y = rows()
        model = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))
        assert layers(nn.DataParallel(model), x, y)[0].place == "0"
        assert layers(torch.compile(model), x, y)[0].place == "0"

    def test_several_inputs(self):
        class Two(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = nn.Linear(4, 3), nn.Linear(4, 3)

            def forward(self, left, right):
                return self.a(left) + self.b(right)

        x, y = rows()
        for inputs in ((x[:, :4], x[:, 4:]), {"left": x[:, :4], "right": x[:, 4:]}):
            assert [layer.place for layer in layers(Two(), inputs, y)] == ["a", "b"]


class TestSetup:
    def test_optimizer_and_loss(self):
        x, y = rows()
        model = nn.Sequential(nn.Linear(8, 3))
        optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=0.01)
        setup = (
            TorchRecorder(
                model,
                F.cross_entropy,
                optimizer,
                probe=(x, y),
                setup={"batch_size": 32, "epochs": 7},
            )
            .evidence()
            .setup
        )
        assert (setup.optimizer, setup.learning_rate, setup.momentum) == ("momentum", 0.05, 0.9)
        assert (setup.loss, setup.loss_takes, setup.task) == (
            "cross_entropy",
            "scores",
            "multiclass",
        )
        assert (setup.weight_decay, setup.batch_size, setup.epochs) == (0.01, 32, 7)
        assert setup.n_outputs == 3

    @pytest.mark.parametrize(
        ("last", "loss", "activation", "takes"),
        [
            (nn.LogSoftmax(1), nn.NLLLoss(), "softmax", "outputs"),
            (nn.LogSoftmax(1), nn.CrossEntropyLoss(), "linear", "scores"),
            (nn.Softmax(1), nn.CrossEntropyLoss(), "softmax", "scores"),
            (nn.Softmax(1), nn.NLLLoss(), "softmax", "scores"),
            (nn.Identity(), nn.NLLLoss(), "linear", "outputs"),
        ],
    )
    def test_output_against_loss(self, last, loss, activation, takes):
        x, y = rows()
        model = nn.Sequential(nn.Linear(8, 3), last)
        setup = TorchRecorder(model, loss, probe=(x, y)).evidence().setup
        assert (setup.output.activation, setup.loss_takes) == (activation, takes)

    def test_a_softmax_too_many_is_diagnosed(self):
        x, y = rows()
        model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), nn.Softmax(1))
        recorder = train(model, x, y, train=(x, y))
        assert "output_loss_mismatch" in [f.kind for f in recorder.diagnose().findings]

    def test_a_rate_that_changes_is_a_schedule(self):
        x, y = rows()
        model = nn.Linear(8, 3)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        recorder = TorchRecorder(model, nn.CrossEntropyLoss(), optimizer, probe=(x, y))
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
        recorder.epoch(loss=1.0)
        assert recorder.evidence().setup.schedule is None
        optimizer.step()
        scheduler.step()
        recorder.epoch(loss=1.0)
        setup = recorder.evidence().setup
        assert (setup.schedule, setup.learning_rate) == ("varied", 0.1)

    def test_divergence_is_placed(self):
        x, y = rows()
        model = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))
        recorder = TorchRecorder(model, nn.CrossEntropyLoss(), probe=(x, y), every=1)
        with torch.no_grad():
            model[2].weight.fill_(float("nan"))
        recorder.step(torch.tensor(float("nan")))
        recorder.epoch()
        (record,) = recorder.evidence().records
        assert record.status == "diverged"
        assert record.non_finite[0] == "2"

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda m, x, y: TorchRecorder(m, probe=x), "probe: expected a pair"),
            (lambda m, x, y: TorchRecorder(m, probe=(x[:0], y[:0])), "no rows"),
            (lambda m, x, y: TorchRecorder(nn.ReLU(), probe=(x, y)), "no parameters"),
            (lambda m, x, y: TorchRecorder(nn.LayerNorm(8), probe=(x, y)), "No layer was seen"),
            (lambda m, x, y: TorchRecorder(nn.LazyLinear(3), probe=(x, y)), "has no shape yet"),
            (
                lambda m, x, y: TorchRecorder(
                    m, nn.CrossEntropyLoss(reduction="none"), probe=(x, y)
                ),
                "must give one number",
            ),
        ],
    )
    def test_messages(self, make, words):
        with pytest.raises(DataError, match=re.escape(words)):
            make(nn.Linear(8, 3), *rows())


def test_the_example_of_the_documentation_runs(tmp_path, capsys):
    text = (Path(__file__).parents[2] / "docs" / "doctor_other_frameworks.md").read_text()
    (code,) = re.findall(r"```python\n(import torch.*?)```", text, re.DOTALL)
    assert len(code.splitlines()) <= 25
    script = tmp_path / "example.py"
    script.write_text(code)
    runpy.run_path(str(script))
    assert "learning_rate_high" in capsys.readouterr().out
