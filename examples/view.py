"""A view of one's own over the warehouse. Try it where there are calls: `python -m examples.view`.

One that everybody should have is a file in `views/marts/` of the warehouse, with its grain, key and columns on top.
"""

from opendeep_kit.warehouse.connection import open_warehouse

BEST_HOURS = """
CREATE OR REPLACE VIEW best_hours AS
SELECT
    hour(created_at) AS hour,                                   -- of the day, UTC
    count(*) AS placed,
    count(*) FILTER (is_answered) AS answered,
    round(100 * answered / placed) AS answered_percent
FROM calls
WHERE state = 'ended'
GROUP BY ALL
ORDER BY answered_percent DESC
"""


def best_hours() -> list[tuple[object, ...]]:
    """Hour, calls placed, answered, percent: the best hour first."""
    with open_warehouse() as house:
        house.connection.execute(BEST_HOURS)
        return house.sql("SELECT * FROM best_hours").fetchall()


if __name__ == "__main__":
    for hour in best_hours():
        print(*hour, sep="\t")
