"""Cart-pole: keep a pole upright on a moving cart."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from gradlab.rl.environment import Drawing, Environment
from gradlab.rl.keys import Key, fold, uniform

GRAVITY = 9.8
CART_MASS = 1.0
POLE_MASS = 0.1
HALF_LENGTH = 0.5
FORCE = 10.0
SECONDS = 0.02
LARGEST_ANGLE = 12 * 2 * math.pi / 360
LARGEST_POSITION = 2.4
PICTURE = (
    "         |        ",
    "         |        ",
    "       __|__      ",
    "  ____|_____|____ ",
)


class CartPole(NamedTuple):
    """Position (m), speed (m/s), angle (rad) and angular speed (rad/s)."""

    position: Float[Array, "*batch"]
    speed: Float[Array, "*batch"]
    angle: Float[Array, "*batch"]
    angular_speed: Float[Array, "*batch"]


def cart_pole(*, time_limit: int | None = 500) -> Environment:
    """Return cart-pole: push left or right, 1 for every step until the pole falls.

    The episode ends beyond 12° or 2.4 m. The observation is (position, speed, angle, angular
    speed), shape (4,), uniform in ±0.05 at the start. Euler steps of 0.02 s, Gymnasium's order.
    Counts as solved at a mean return of 475 (195 with time_limit=200).

    >>> import gradlab.rl as rl
    >>> state, observation = cart_pole().reset(rl.seed_key(0))
    >>> observation.shape
    (4,)

    Source: Barto, Sutton & Anderson 1983, https://doi.org/10.1109/TSMC.1983.6313077;
    Gymnasium 1.0, CartPole-v1.
    """

    def reset(key: Key) -> tuple[CartPole, Array]:
        real = jnp.result_type(float)
        state = CartPole(*(uniform(fold(key, i)).astype(real) * 0.1 - 0.05 for i in range(4)))
        return state, jnp.stack(state)

    def step(state: CartPole, action: Int[Array, ""] | int, key: Key):
        del key  # nothing is left to chance after the start
        state, ended = moved(state, jnp.where(jnp.asarray(action) == 1, FORCE, -FORCE))
        return state, jnp.stack(state), jnp.ones((), state.angle.dtype), ended

    return Environment(
        name="cart_pole",
        reset=reset,
        step=step,
        n_actions=2,
        observation_shape=(4,),
        time_limit=time_limit,
        action_names=("left", "right"),
        drawing=Drawing(PICTURE),
        describe=lambda state: (
            f"cart at {float(state.position):+.2f} m, "
            f"pole at {math.degrees(float(state.angle)):+.1f}°"
        ),
        solved_return=475.0 if time_limit is None or time_limit >= 475 else time_limit * 0.975,
    )


def moved(state: CartPole, force: Float[Array, "*batch"]) -> tuple[CartPole, Bool[Array, "*batch"]]:
    """Return the cart and pole 0.02 s later, and whether the pole has fallen.

    With m the pole's and M the total mass, l half the pole's length, f the force:
        t = (f + m l θ'² sin θ) / M
        θ'' = (g sin θ - t cos θ) / (l (4/3 - m cos² θ / M)),    x'' = t - m l θ'' cos θ / M
    """
    total, pole = CART_MASS + POLE_MASS, POLE_MASS * HALF_LENGTH
    position, speed, angle, turning = state
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    push = (force + pole * jnp.square(turning) * sine) / total
    angular = (GRAVITY * sine - cosine * push) / (
        HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * jnp.square(cosine) / total)
    )
    acceleration = push - pole * angular * cosine / total
    after = CartPole(
        position + SECONDS * speed,
        speed + SECONDS * acceleration,
        angle + SECONDS * turning,
        turning + SECONDS * angular,
    )
    fallen = (jnp.abs(after.position) > LARGEST_POSITION) | (jnp.abs(after.angle) > LARGEST_ANGLE)
    return after, fallen
