"""Row patterns: a regular expression over the rows of one key, its automaton, and the attempts that run it."""
