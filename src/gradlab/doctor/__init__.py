"""Why does a network not learn, and what cures it: findings with evidence."""
