"""Shell scripts: simple commands, words and expansion, with exact places in the file."""
