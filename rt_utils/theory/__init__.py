"""The paper's statements as functions of tensors: the threat, the losses, both theorems."""
