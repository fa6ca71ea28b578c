"""The quantities of 'On Transfer of Adversarial Robustness from Pretraining to Downstream Tasks', computed live."""
