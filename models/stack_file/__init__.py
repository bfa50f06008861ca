"""Stack files: from text with positions to typed records, their JSON Schema, and the messages for errors."""
