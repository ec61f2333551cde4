output "database_name" {
  description = "The Glue database."
  value       = aws_glue_catalog_database.this.name
}

output "table_names" {
  description = "Names of the tables by the delivery stream that fills them: what delivery takes as glue_table."
  value       = { for name, table in aws_glue_catalog_table.this : name => table.name }
}

output "columns" {
  description = "Names of the columns by table, in the order of the Parquet files."
  value       = { for name, table in var.tables : name => [for column in local.columns[name] : column.name] }
}
