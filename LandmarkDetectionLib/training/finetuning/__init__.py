"""From corrections to a better version of a model, or none."""
