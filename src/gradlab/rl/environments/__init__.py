"""Built-in environments."""

from collections.abc import Callable

from gradlab.rl.environment import Environment
from gradlab.rl.environments.bandit import bandit
from gradlab.rl.environments.cart_pole import cart_pole
from gradlab.rl.environments.chain import chain
from gradlab.rl.environments.cliff import cliff
from gradlab.rl.environments.frozen_lake import frozen_lake
from gradlab.rl.environments.grid_world import grid_world
from gradlab.rl.environments.taxi import taxi
from gradlab.rl.environments.vacuum import vacuum

__all__ = [
    "ENVIRONMENTS",
    "bandit",
    "cart_pole",
    "chain",
    "cliff",
    "frozen_lake",
    "grid_world",
    "taxi",
    "vacuum",
]

ENVIRONMENTS: dict[str, Callable[..., Environment]] = {
    "vacuum": vacuum,
    "grid_world": grid_world,
    "cliff": cliff,
    "bandit": bandit,
    "frozen_lake": frozen_lake,
    "taxi": taxi,
    "chain": chain,
    "cart_pole": cart_pole,
}
