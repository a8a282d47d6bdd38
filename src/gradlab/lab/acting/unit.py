"""What an environment's return counts, so that a verdict can say "cleans 1.7 more rooms"."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """The words of a return.

    Attributes:
        one: What an agent does, "cleans".
        many: What several do, "clean".
        noun: What they do it to.
        what: One phrase for axes and tables.
        scale: What a return is multiplied by to count these.
    """

    one: str
    many: str
    noun: str
    what: str
    scale: float = 1.0
    form: str = ""
    """How an amount is said, if not by the noun behind it."""
    lost: str = ""
    """What is lost by acting badly, one for each point of the return; by default the noun."""

    def phrase(self, value: float) -> str:
        """Return an amount in words, e.g. "3.5 rooms" or "a return of −13"."""
        amount = written(value)
        noun = self.noun.removesuffix("s") if amount == "1" else self.noun
        return self.form.format(amount) if self.form else f"{amount} {noun}"


UNITS = {
    "vacuum": Unit("cleans", "clean", "rooms", "rooms cleaned, less penalties"),
    "frozen_lake": Unit(
        "reaches the goal in",
        "reach the goal in",
        "of 100 episodes",
        "goals in 100 episodes",
        100.0,
        lost="goals",
    ),
    "cart_pole": Unit("balances for", "balance for", "steps", "steps balanced"),
    "bandit": Unit("wins", "win", "reward a pull", "reward of a pull", lost="reward"),
}
OTHER = Unit("gets", "get", "return", "return", form="a return of {}")


def unit_of(environment: str) -> Unit:
    """Return the words of an environment's return.

    >>> unit_of("vacuum").noun, unit_of("my own").noun
    ('rooms', 'return')
    """
    return UNITS.get(environment, OTHER)


def written(value: float, decimals: int | None = None) -> str:
    """Return a number as words bear it: three digits, a true minus sign.

    >>> written(-1.73456), written(474.81), written(0.0)
    ('−1.73', '475', '0')
    """
    if decimals is None:
        text = f"{value:.3g}"
        # Numbers of three digits and more are counted in whole ones.
        text = f"{value:,.0f}" if abs(value) >= 100 else text
    else:
        text = f"{value:,.{decimals}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) else text.lstrip("-")
