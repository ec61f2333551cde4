variable "access" {
  type = object({
    read_streams     = optional(list(string), [])
    read_consumers   = optional(list(string), [])
    list_streams     = optional(list(string), [])
    write_streams    = optional(list(string), [])
    delivery_streams = optional(list(string), [])
    lease_tables     = optional(list(string), [])
    state_tables     = optional(list(string), [])
    scan_tables      = optional(list(string), [])
    objects = optional(list(object({
      bucket_arn = string
      prefix     = optional(string, "")
      get        = optional(bool, false)
      put        = optional(bool, false)
      delete     = optional(bool, false)
      list       = optional(bool, false)
      whole      = optional(bool, false)
    })), [])
    topics = optional(list(string), [])
    search_domains = optional(list(object({
      arn = string
      put = optional(bool, false)
    })), [])
    secrets = optional(list(string), [])
    keys = optional(list(object({
      arn     = string
      via     = list(string)
      encrypt = optional(bool, false)
      decrypt = optional(bool, false)
    })), [])
  })
  default     = {}
  description = "What the service may do, by ARN. Streams: read_streams by polling, read_consumers (consumers of those streams) by enhanced fan-out, list_streams show their shards, write_streams take records. Tables: lease_tables of consumer groups, state_tables of pointers, scan_tables read whole. objects: what may be done with objects of a bucket under a prefix; whole where all of the bucket may be listed, so that a missing object is told from a forbidden one. secrets: read again while it runs. search_domains: signed requests to an OpenSearch domain, put to change templates. keys: use of a key through services, such as kinesis. Nothing else is allowed."

  validation {
    condition = alltrue([
      for arn in concat(
        var.access.read_streams, var.access.read_consumers, var.access.list_streams, var.access.write_streams,
        var.access.delivery_streams, var.access.lease_tables, var.access.state_tables, var.access.scan_tables,
        var.access.topics, var.access.secrets, var.access.objects[*].bucket_arn, var.access.keys[*].arn, var.access.search_domains[*].arn
      ) : can(regex("^arn:[^*?]+$", arn))
    ])
    error_message = "access takes ARNs without wildcards: name each stream, table, bucket, topic and key."
  }

  validation {
    condition     = alltrue([for object in var.access.objects : object.get || object.put || object.delete || object.list])
    error_message = "access.objects names a bucket and nothing to do with it: set get, put, delete or list."
  }

  validation {
    condition = alltrue([
      for consumer in var.access.read_consumers : anytrue([for stream in var.access.read_streams : startswith(consumer, "${stream}/consumer/")])
    ])
    error_message = "access.read_consumers must belong to access.read_streams: name the consumer's stream there too, since its shards are listed."
  }
}
