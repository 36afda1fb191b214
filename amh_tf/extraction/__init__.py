"""From raw recordings to a `Source`: features group by group, kept until all are done."""
