"""The buyer: quotes, submits, follows and checks studies on the market."""
