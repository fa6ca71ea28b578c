"""How encoders are made: adversarial training, finetuning, and the cards that say so."""
