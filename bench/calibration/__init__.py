"""How far each model is from what channels truly add, and whether its intervals hold."""
