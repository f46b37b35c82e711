"""Sales velocity: the money a day that deals become."""

from decimal import Decimal

DAY = 86_400


def sales_velocity(
    standing: int, won: int, lost: int, total: Decimal, valued: int, seconds: Decimal
) -> Decimal | None:
    """Open deals times the share that is won times the mean value of a won deal, by the mean days from opening to winning.

    The total is of so many won deals that have a value, the seconds are of all that were won. None where nothing was
    won or valued, or all of it took no time. Source: the four-factor formula as Salesforce and HubSpot define it.
    """
    if not (won and valued and seconds):
        return None
    rate, value, days = Decimal(won) / (won + lost), total / valued, seconds / won / DAY
    return standing * rate * value / days
