"""`etl aws smoke`: the assumptions about AWS that are riskiest, tried in a real account, bounded and cleaned up."""
