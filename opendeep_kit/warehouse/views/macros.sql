-- Wilson's interval: within it the true share lies in 19 of 20 cases, when `hits` of `tries` were counted.
-- (E. B. Wilson, 1927; 1.96 is the 97.5th percentile of the normal distribution.)
CREATE OR REPLACE MACRO wilson_low(hits, tries) AS
    CASE WHEN tries > 0 THEN greatest(0.0, (
        hits / tries + 1.96 ^ 2 / (2 * tries)
        - 1.96 * sqrt(hits / tries * (1 - hits / tries) / tries + 1.96 ^ 2 / (4 * tries ^ 2))
    ) / (1 + 1.96 ^ 2 / tries)) END;
CREATE OR REPLACE MACRO wilson_high(hits, tries) AS
    CASE WHEN tries > 0 THEN least(1.0, (
        hits / tries + 1.96 ^ 2 / (2 * tries)
        + 1.96 * sqrt(hits / tries * (1 - hits / tries) / tries + 1.96 ^ 2 / (4 * tries ^ 2))
    ) / (1 + 1.96 ^ 2 / tries)) END;
-- The last sentence of what was said.
CREATE OR REPLACE MACRO last_sentence(said) AS
    nullif(trim(regexp_extract(trim(said), '([^.!?]+[.!?]*)$', 1)), '');
