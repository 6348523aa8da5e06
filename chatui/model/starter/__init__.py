"""The bundled starter model, its tokenizer and the recipe that made them."""
