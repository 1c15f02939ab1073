"""The nouns and the rules of the house: pure, standard library only."""
