"""What a person does, step by step: detect, review, place, measure, save. No widgets."""
