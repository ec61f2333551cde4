# The columns of what the pipeline delivers, as its code writes it: events (event_contract.Event), windows and alerts
# together (aggregator.rows and aggregator.alerts, one delivery stream), dead letters (delivery.letter).
#
# Objects are text: JSON whose fields differ from row to row fits no struct, and the OpenX reader gives the text of an
# object where a column is a string. Times are whole milliseconds since the epoch, as on the streams: as timestamps a
# small number would be read as seconds.

locals {
  columns = {
    enriched = [
      { name = "id", type = "string", comment = "Unique in its tenant" },
      { name = "source", type = "string", comment = "Where it comes from" },
      { name = "type", type = "string", comment = "What kind of event it is" },
      { name = "key", type = "string", comment = "Events of one key keep their order" },
      { name = "time", type = "bigint", comment = "Event time, ms since the epoch, UTC" },
      { name = "received", type = "bigint", comment = "When it was accepted, ms since the epoch, UTC" },
      { name = "tenant", type = "string", comment = "Whose event it is" },
      { name = "schema", type = "string", comment = "Schema of the payload, where the sender names one" },
      { name = "trace", type = "string", comment = "W3C trace context, where the sender gives one" },
      { name = "payload", type = "string", comment = "JSON text of the sender" },
      { name = "enrichment", type = "string", comment = "JSON text: quality, geo, device, reference, masked" },
    ]

    aggregates = [
      { name = "id", type = "string", comment = "A row that comes again has the same id; the greatest (epoch, revision) counts" },
      { name = "query", type = "string", comment = "The query of a window" },
      { name = "rule", type = "string", comment = "The rule of an alert" },
      { name = "severity", type = "string", comment = "Of an alert" },
      { name = "status", type = "string", comment = "Of an alert: open or resolved" },
      { name = "window_start", type = "bigint", comment = "ms since the epoch, UTC" },
      { name = "window_end", type = "bigint", comment = "ms since the epoch, UTC" },
      { name = "time", type = "bigint", comment = "Of a row without a window, or of an alert: ms since the epoch, UTC" },
      { name = "opened", type = "bigint", comment = "Of an alert: ms since the epoch, UTC" },
      { name = "last", type = "bigint", comment = "Of an alert: ms since the epoch, UTC" },
      { name = "resolved", type = "bigint", comment = "Of an alert: ms since the epoch, UTC" },
      { name = "count", type = "bigint", comment = "Of an alert: how often it was seen" },
      { name = "link", type = "string", comment = "Of an alert" },
      { name = "key", type = "string", comment = "JSON text: what the rows are grouped by" },
      { name = "values", type = "string", comment = "JSON text: the columns of the query" },
      { name = "current", type = "boolean", comment = "Whether later rows of the key replace it" },
      { name = "deleted", type = "boolean", comment = "Whether the row was taken back" },
      { name = "epoch", type = "bigint", comment = "Grows with every owner of the work" },
      { name = "revision", type = "bigint", comment = "Grows within an epoch" },
      { name = "emitted", type = "bigint", comment = "ms since the epoch, UTC" },
    ]

    dead-letters = [
      { name = "id", type = "string", comment = "The same for every letter about one record at one stage" },
      { name = "stage", type = "string", comment = "The service that set the record aside" },
      { name = "stream", type = "string", comment = "Where the record was read" },
      { name = "shard", type = "string", comment = "Where the record was read" },
      { name = "sequence_number", type = "string", comment = "Where the record was read" },
      { name = "sub_sequence_number", type = "bigint", comment = "Within an aggregated record" },
      { name = "code", type = "string", comment = "The cause" },
      { name = "message", type = "string", comment = "The cause in words" },
      { name = "field", type = "string", comment = "The field that is wrong, where it is one" },
      { name = "event", type = "string", comment = "Id of the event, where it could be read" },
      { name = "first_seen", type = "bigint", comment = "ms since the epoch, UTC" },
      { name = "last_seen", type = "bigint", comment = "ms since the epoch, UTC" },
      { name = "original", type = "string", comment = "The record's bytes: base64, or gzip and base64, by encoding" },
      { name = "encoding", type = "string", comment = "gzip+base64, s3, or none" },
      { name = "bucket", type = "string", comment = "Where the original is, if encoding is s3" },
      { name = "object", type = "string", comment = "Where the original is, if encoding is s3" },
      { name = "sha256", type = "string", comment = "Of the original, if encoding is s3" },
    ]
  }
}
