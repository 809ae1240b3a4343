"""How good it is: labelled threads against what the program says of them."""
