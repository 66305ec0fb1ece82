-- What a voice model costs, as the settings' `prices` or `warehouse(prices=…)` say.
-- Grain: one row per model.
-- Key: model
--
-- model                      as the voice model's side names it
-- currency                   ISO 4217
-- input_minor_per_million    minor units (cents) per million tokens heard
-- output_minor_per_million   minor units (cents) per million tokens said
WITH
given AS (
    SELECT model, currency, input_minor_per_million, output_minor_per_million FROM pulled.prices
)
SELECT * FROM given
