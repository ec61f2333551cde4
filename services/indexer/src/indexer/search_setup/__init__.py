"""What an OpenSearch domain needs besides documents, brought to what is wanted: run again, it changes nothing."""
