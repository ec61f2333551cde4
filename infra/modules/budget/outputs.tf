output "budget_name" {
  description = "The budget, as the Billing console shows it."
  value       = aws_budgets_budget.this.name
}
