variable "name" {
  type        = string
  description = "Prefix of every name."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 32 lower-case letters, digits and dashes, a letter first: shorten it or replace other characters."
  }
}

variable "account_id" {
  type        = string
  description = "AWS account; the endpoints serve its principals alone."
}

variable "cidr_block" {
  type        = string
  default     = "10.20.0.0/16"
  description = "Addresses of the VPC; sixteen equal subnets are cut from it."

  validation {
    condition     = can(cidrnetmask(var.cidr_block)) && try(tonumber(split("/", var.cidr_block)[1]) >= 16 && tonumber(split("/", var.cidr_block)[1]) <= 22, false)
    error_message = "cidr_block must be IPv4 from /16 to /22, such as 10.20.0.0/16: a sixteenth of it is a subnet, and AWS takes none below /28 with room for tasks."
  }
}

variable "availability_zones" {
  type        = list(string)
  description = "Two or three zones, such as us-east-1a and us-east-1b."

  validation {
    condition     = length(var.availability_zones) >= 2 && length(var.availability_zones) <= 3 && length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "availability_zones must name two or three different zones: a load balancer needs two, and a fourth adds cost and no safety."
  }
}

variable "private" {
  type        = bool
  default     = true
  description = "Tasks get subnets without a route from the internet. False puts them into public subnets, closed by their security groups: no NAT and no interface endpoint has to be paid for."
}

variable "nat" {
  type        = string
  default     = "none"
  description = "Way out of the private subnets: none, single (one gateway for all zones) or per_zone."

  validation {
    condition     = contains(["none", "single", "per_zone"], var.nat)
    error_message = "nat must be none, single or per_zone."
  }

  validation {
    condition     = var.private || var.nat == "none"
    error_message = "nat serves private subnets: set private = true, or nat = \"none\"."
  }
}

variable "interface_endpoints" {
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "kinesis-firehose", "kinesis-streams", "kms", "logs", "monitoring", "secretsmanager", "sns", "sts"]
  description = "AWS services reached by an address in the private subnets, by the last part of com.amazonaws.REGION.SERVICE. Each costs by the hour and zone. Empty with public subnets."

  validation {
    condition     = var.private || length(var.interface_endpoints) == 0
    error_message = "interface_endpoints belong to private subnets: set private = true, or interface_endpoints = []."
  }

  validation {
    condition = !var.private || var.nat != "none" || length(setsubtract(
      ["ecr.api", "ecr.dkr", "kinesis-firehose", "kinesis-streams", "logs", "secretsmanager", "sns", "sts"], var.interface_endpoints
    )) == 0
    error_message = "private subnets without nat reach AWS by endpoints alone: keep ecr.api, ecr.dkr, kinesis-firehose, kinesis-streams, logs, secretsmanager, sns and sts in interface_endpoints, or set nat."
  }
}

variable "flow_logs_retention_days" {
  type        = number
  default     = 0
  description = "Days that VPC flow logs (rejected traffic) are kept; 0 writes none."

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.flow_logs_retention_days)
    error_message = "flow_logs_retention_days must be 0 or a retention of CloudWatch Logs: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, …"
  }
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "Key of the flow logs; null leaves CloudWatch's own encryption."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of every resource."
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Policy that bounds what the roles made here may ever do; null for none. environments/bootstrap makes one."
}
