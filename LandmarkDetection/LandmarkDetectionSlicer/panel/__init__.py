"""The pages of the panel, one file each, and what they share: a stack, messages, tables and pictures."""
