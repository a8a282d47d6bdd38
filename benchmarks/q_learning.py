"""Tabular Q-learning of many agents on the 8x8 frozen lake: Gradlab beside a Gymnasium loop.

    python benchmarks/q_learning.py [--agents 1000] [--episodes 500] [--sample 2] [--rounds 3]

Both do the same: ε-greedy (0.1) with ties drawn, learning rate 0.1, discount 0.99, slippery ice,
200 steps at most. The loop is the usual one in NumPy and `gymnasium.make("FrozenLake8x8-v1")`, in
two processes; it plays `--sample` agents in each and is scaled by the agents. Gradlab is timed with
everything compiled, and once from a cold start. Both must win equally often, or the comparison is
of two different tasks. Target: 200x. Needs the extra [rl].
"""

import argparse
import multiprocessing
import statistics
import time

import numpy as np
from timing import interleave, paired_ratios, print_table

import gradlab.rl as rl

LEARNING_RATE, DISCOUNT, EPSILON = 0.1, 0.99, 0.1


def loop(seed: int, episodes: int) -> tuple[float, int, float]:
    """Train one agent in plain Python; return its seconds, its steps and its mean return."""
    import gymnasium

    env = gymnasium.make("FrozenLake8x8-v1")
    rng = np.random.default_rng(seed)
    q_values = np.zeros((64, 4))
    steps, won = 0, 0.0
    state, _ = env.reset(seed=seed)
    begin = time.perf_counter()
    for _ in range(episodes):
        ended = truncated = False
        while not (ended or truncated):
            row = q_values[state]
            if rng.random() < EPSILON:
                action = int(rng.integers(4))
            else:
                best = np.flatnonzero(row == row.max())
                action = int(best[rng.integers(len(best))])
            after, reward, ended, truncated, _ = env.step(action)
            target = reward + (0.0 if ended else DISCOUNT * q_values[after].max())
            row[action] += LEARNING_RATE * (target - row[action])
            state = after
            steps += 1
            won += reward
        state, _ = env.reset()
    return time.perf_counter() - begin, steps, won / episodes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--episodes", type=int, default=500)
    parser.add_argument("--sample", type=int, default=2, help="agents of the loop, per process")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    lake = rl.frozen_lake("8x8")
    agents = [
        rl.AgentSettings(
            learning_rate=LEARNING_RATE,
            discount=DISCOUNT,
            exploration=rl.epsilon_greedy(epsilon=EPSILON),
            seed=seed,
        )
        for seed in range(arguments.agents)
    ]

    def ours() -> float:
        runs = rl.train_agents(
            lake, "q_learning", agents, episodes=arguments.episodes, record_visits=False
        )
        found["steps"] = runs.steps / arguments.agents
        found["won"] = float(runs.returns.mean())
        return runs.seconds

    sampled: list[tuple[float, int, float]] = []

    def theirs() -> float:
        first = len(sampled)
        jobs = [(first + i, arguments.episodes) for i in range(2 * arguments.sample)]
        results = pool.starmap(loop, jobs, chunksize=1)
        sampled.extend(results)
        # Two processes at a time, each as slow as it was beside the other.
        return sum(seconds for seconds, _, _ in results) / len(jobs) * arguments.agents / 2

    found: dict[str, float] = {}
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(loop, [(0, 1), (1, 1)])  # imports
        cold = ours()
        timings = interleave({"Gradlab": ours, "Gymnasium": theirs}, arguments.rounds)
    print_table(f"{arguments.agents:,} agents x {arguments.episodes} episodes", timings)
    steps = [n for _, n, _ in sampled]
    won = [w for _, _, w in sampled]
    print(
        f"first call, with compiling: {cold:.2f} s\n"
        f"steps an agent: {found['steps']:,.0f}, loop {np.mean(steps):,.0f} "
        f"± {np.std(steps) / len(steps) ** 0.5:,.0f}\n"
        f"share won: {found['won']:.4f}, loop {np.mean(won):.4f} "
        f"± {np.std(won) / len(won) ** 0.5:.4f}"
    )
    ratio = statistics.median(paired_ratios(*timings))
    print(f"target 200x: {'met' if ratio >= 200 else 'MISSED'} ({ratio:.0f})")


if __name__ == "__main__":
    main()
