# Tables and procedures, by the Data API as the administrator. Each statement runs when it is made and again when its text
# changes, and may be repeated; one group waits for the one before. Destroying drops nothing: that is for a person.

locals {
  loaded = { for table, prefix in var.prefixes : table => {
    source = "s3://${local.bucket_name}/${prefix}"
    table  = { enriched = "events", aggregates = "aggregates" }[table]
  } }

  bucket_name = split(":::", var.bucket_arn)[1]

  tables = merge(
    { loads = file("${path.module}/sql/loads.sql") },
    { for table in keys(local.loaded) : local.loaded[table].table => file("${path.module}/sql/${local.loaded[table].table}.sql") },
  )

  hours = { for table, of in local.loaded : "load_${table}_hour" => templatefile("${path.module}/sql/load_${table}_hour.sql", {
    source   = of.source
    role_arn = aws_iam_role.copy.arn
  }) }

  procedures = merge(
    { note_load = file("${path.module}/sql/note_load.sql") },
    local.hours,
    { load = templatefile("${path.module}/sql/load.sql", { tables = keys(local.loaded), settle_minutes = var.load.settle_minutes }) },
    { grant_loader = templatefile("${path.module}/sql/grant_loader.sql", { database_role = local.database_role }) },
  )

  database_role = "etl_loader"
}

resource "aws_redshiftdata_statement" "schema" {
  workgroup_name = aws_redshiftserverless_workgroup.this.workgroup_name
  database       = aws_redshiftserverless_namespace.this.db_name
  secret_arn     = aws_redshiftserverless_namespace.this.admin_password_secret_arn
  statement_name = "schema"
  sql            = "CREATE SCHEMA IF NOT EXISTS etl"
}

resource "aws_redshiftdata_statement" "table" {
  for_each       = local.tables
  depends_on     = [aws_redshiftdata_statement.schema]
  workgroup_name = aws_redshiftserverless_workgroup.this.workgroup_name
  database       = aws_redshiftserverless_namespace.this.db_name
  secret_arn     = aws_redshiftserverless_namespace.this.admin_password_secret_arn
  statement_name = each.key
  sql            = each.value
}

resource "aws_redshiftdata_statement" "procedure" {
  for_each       = local.procedures
  depends_on     = [aws_redshiftdata_statement.table]
  workgroup_name = aws_redshiftserverless_workgroup.this.workgroup_name
  database       = aws_redshiftserverless_namespace.this.db_name
  secret_arn     = aws_redshiftserverless_namespace.this.admin_password_secret_arn
  statement_name = each.key
  sql            = each.value
}

resource "aws_redshiftdata_statement" "grants" {
  depends_on     = [aws_redshiftdata_statement.procedure]
  workgroup_name = aws_redshiftserverless_workgroup.this.workgroup_name
  database       = aws_redshiftserverless_namespace.this.db_name
  secret_arn     = aws_redshiftserverless_namespace.this.admin_password_secret_arn
  statement_name = "grants"
  # A changed procedure may need its grants again.
  sql = "CALL etl.grant_loader() /* ${sha256(jsonencode(local.procedures))} */"
}

resource "aws_redshiftdata_statement" "migration" {
  for_each       = var.migrations
  depends_on     = [aws_redshiftdata_statement.grants]
  workgroup_name = aws_redshiftserverless_workgroup.this.workgroup_name
  database       = aws_redshiftserverless_namespace.this.db_name
  secret_arn     = aws_redshiftserverless_namespace.this.admin_password_secret_arn
  statement_name = each.key
  sql            = each.value
}
