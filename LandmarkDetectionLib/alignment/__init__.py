"""From landmarks to coordinate frames, to one scan laid onto another, and to what changed between visits."""
