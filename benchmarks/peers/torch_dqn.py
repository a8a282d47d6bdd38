"""DQN on cart-pole as CleanRL's dqn.py writes it, in PyTorch; one run after another.

    python benchmarks/peers/torch_dqn.py --seeds 0 1 2 --case cleanrl

Prints a JSON line a run: seed, steps and seconds to a mean return of 195 over 100 episodes. The
cart-pole is Gymnasium's CartPole-v1 in plain Python floats, which is faster than going through
Gymnasium and its wrappers; the replay memory is NumPy arrays, as in Stable-Baselines3's buffer.
"""

import argparse
import json
import math
import random
import time

import numpy as np
import torch
from torch import nn

CASES = {
    "cleanrl": {
        "hidden": (120, 84),
        "learning_rate": 2.5e-4,
        "batch_size": 128,
        "learn_every": 10,
        "warm_up": 10_000,
        "target_every": 500,
        "epsilon_steps": 250_000,
        "error_clip": None,
    },
    "small": {
        "hidden": (64, 64),
        "learning_rate": 1e-3,
        "batch_size": 64,
        "learn_every": 4,
        "warm_up": 1000,
        "target_every": 500,
        "epsilon_steps": 10_000,
        "error_clip": 10.0,
    },
}
BUFFER, DISCOUNT, LAST_EPSILON = 10_000, 0.99, 0.05


class CartPole:
    """Gymnasium's CartPole-v1, without Gymnasium."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def reset(self):
        self.state = [self.random.uniform(-0.05, 0.05) for _ in range(4)]
        self.steps = 0
        return self.state

    def step(self, action):
        x, speed, angle, turning = self.state
        force = 10.0 if action == 1 else -10.0
        cosine, sine = math.cos(angle), math.sin(angle)
        push = (force + 0.05 * turning * turning * sine) / 1.1
        angular = (9.8 * sine - cosine * push) / (0.5 * (4.0 / 3.0 - 0.1 * cosine * cosine / 1.1))
        acceleration = push - 0.05 * angular * cosine / 1.1
        self.state = [
            x + 0.02 * speed,
            speed + 0.02 * acceleration,
            angle + 0.02 * turning,
            turning + 0.02 * angular,
        ]
        self.steps += 1
        ended = abs(self.state[0]) > 2.4 or abs(self.state[2]) > 12 * 2 * math.pi / 360
        return self.state, 1.0, ended, self.steps >= 500


def network(hidden):
    layers, n_in = [], 4
    for units in hidden:
        layers += [nn.Linear(n_in, units), nn.ReLU()]
        n_in = units
    return nn.Sequential(*layers, nn.Linear(n_in, 2))


def train(seed, case, most_steps, goal):
    random.seed(seed)
    draw = np.random.default_rng(seed)
    torch.manual_seed(seed)
    q_network, target_network = network(case["hidden"]), network(case["hidden"])
    optimizer = torch.optim.Adam(q_network.parameters(), lr=case["learning_rate"])
    target_network.load_state_dict(q_network.state_dict())
    environment = CartPole(seed)
    seen = np.zeros((BUFFER, 4), np.float32)
    after = np.zeros((BUFFER, 4), np.float32)
    actions = np.zeros((BUFFER, 1), np.int64)
    rewards = np.zeros(BUFFER, np.float32)
    ends = np.zeros(BUFFER, np.float32)
    returns, total = [], 0.0
    observation = environment.reset()
    start = time.perf_counter()
    for step in range(most_steps):
        epsilon = max(LAST_EPSILON, 1 - (1 - LAST_EPSILON) * step / case["epsilon_steps"])
        if random.random() < epsilon:
            action = random.randrange(2)
        else:
            with torch.no_grad():
                values = q_network(torch.tensor(observation, dtype=torch.float32))
            action = int(torch.argmax(values))
        following, reward, ended, cut = environment.step(action)
        place = step % BUFFER
        seen[place], after[place], actions[place, 0] = observation, following, action
        rewards[place], ends[place] = reward, ended
        total += reward
        observation = following
        if ended or cut:
            returns.append(total)
            total = 0.0
            observation = environment.reset()
            if len(returns) >= 100 and sum(returns[-100:]) / 100 >= goal:
                return {"seed": seed, "steps": step + 1, "seconds": time.perf_counter() - start}
        if step > case["warm_up"] and step % case["learn_every"] == 0:
            rows = draw.integers(0, min(step + 1, BUFFER), case["batch_size"])
            with torch.no_grad():
                best = target_network(torch.from_numpy(after[rows])).max(dim=1).values
                goals = torch.from_numpy(rewards[rows]) + DISCOUNT * best * (
                    1 - torch.from_numpy(ends[rows])
                )
            values = q_network(torch.from_numpy(seen[rows]))
            taken = values.gather(1, torch.from_numpy(actions[rows])).squeeze()
            if case["error_clip"] is None:
                loss = nn.functional.mse_loss(goals, taken)
            else:
                loss = nn.functional.huber_loss(taken, goals, delta=case["error_clip"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % case["target_every"] == 0:
                target_network.load_state_dict(q_network.state_dict())
    return {"seed": seed, "steps": None, "seconds": time.perf_counter() - start}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--case", choices=list(CASES), default="cleanrl")
    parser.add_argument("--steps", type=int, default=500_000)
    parser.add_argument("--goal", type=float, default=195.0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for seed in arguments.seeds:
        found = train(seed, CASES[arguments.case], arguments.steps, arguments.goal)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
