"""The sections of the panel, one file each, and the two things they share: messages and pictures."""
