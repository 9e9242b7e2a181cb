"""Who answers: one module per way of reaching a model."""
