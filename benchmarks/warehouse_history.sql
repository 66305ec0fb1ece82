-- Calls and events of a span of days, as a record would hold them: two thirds are not answered, the others talk for one
-- to six turns. Variables: first, before (days), rows, number (of calls before), people.
CREATE TABLE planned AS
SELECT
    uuid()::VARCHAR AS call_id,
    'c' || (hash(i, 1) % getvariable('people')) AS contact_id,
    getvariable('first')::TIMESTAMP
        + to_microseconds((epoch_us(getvariable('before')::TIMESTAMP) - epoch_us(getvariable('first')::TIMESTAMP))
        // getvariable('rows') * (i - getvariable('number'))) AS created_at,
    1 + hash(i, 2) % 5 AS script_version,
    random() < 0.35 AS is_answered,
    (1 + floor(random() * 6))::INT AS turns,
    random() AS luck
FROM range(getvariable('number'), getvariable('number') + getvariable('rows')) AS numbers(i);

CREATE TABLE talks AS
SELECT
    call_id, turn, created_at, luck,
    2000 + 9000 * turn AS stopped_ms,
    500 + 80 * random() AS detect_ms,
    exp(6.2 + 0.4 * random() + script_version * 0.05) AS model_ms,
    20 * random() AS ours_ms,
    40 + 160 * random() AS lead_in_ms,
    random() < 0.12 AS is_cut,
    [
        'Could you tell me how satisfied you were with your last visit?',
        'Thank you. On a scale from one to five, how likely are you to recommend us?',
        'I understand. Would Tuesday morning or Thursday afternoon suit you better?',
        'And would you like us to send you the details by text message?'
    ][1 + (hash(call_id, turn) % 4)::INT] AS question
FROM planned, range(1, 7) AS counted(turn)
WHERE is_answered AND turn <= planned.turns;

CREATE TABLE happened AS
WITH
all_calls AS (
    SELECT call_id, created_at, unnest([
        {place: 0, at_ms: 0.0, type: 'Dialled', data: '"line":"asterisk"'},
        {place: 1, at_ms: 0.0, type: 'AudioConnected', data: '"rate_hz":24000'},
        {place: 2, at_ms: 120.0, type: 'ModelConnected',
            data: '"model":"gpt-realtime-2.1","session_id":"' || call_id || '","attempt":1,"replayed_items":0'},
        {place: 900, at_ms: 60000.0, type: 'AudioClosed', data: '"reason":"peer_closed"'},
        {place: 901, at_ms: 60001.0, type: 'MediaMeasured',
            data: '"frames_sent":3000,"frames_received":2990,"slots_skipped":0,"max_late_ms":9.5,"underruns":0,'
                || '"heard_dropped_ms":0.0,"said_dropped_ms":0.0'},
        {place: 902, at_ms: 60002.0, type: 'CallEnded', data: '"phone_result":"'
            || CASE WHEN is_answered THEN 'answered' WHEN luck < 0.6 THEN 'no_answer' ELSE 'busy' END
            || '","ended_by":"' || CASE WHEN NOT is_answered THEN 'network' WHEN luck < 0.4 THEN 'callee' ELSE 'agent' END
            || '","detail":""'},
        {place: 903, at_ms: 60002.0, type: 'CallJudged', data: '"disposition":"not_reached","by":"rules"'}
    ], recursive := true)
    FROM planned
),
answered AS (
    SELECT call_id, created_at, unnest([
        {place: 3, at_ms: 1000.0, type: 'Answered', data: ''},
        {place: 4, at_ms: 9000.0, type: 'DisclosureHeard', data: '"text":"I am an AI assistant."'}
    ], recursive := true)
    FROM planned
    WHERE is_answered
),
turns AS (
    SELECT call_id, created_at, unnest([
        {place: turn * 20, at_ms: stopped_ms - 1500, type: 'CalleeSoundStarted', data: ''},
        {place: turn * 20 + 1, at_ms: stopped_ms - 1400, type: 'SpeechStarted', data: '"item_id":"in' || turn || '"'},
        {place: turn * 20 + 2, at_ms: stopped_ms, type: 'CalleeSoundStopped', data: ''},
        {place: turn * 20 + 3, at_ms: stopped_ms + detect_ms, type: 'SpeechStopped',
            data: '"item_id":"in' || turn || '"'},
        {place: turn * 20 + 4, at_ms: stopped_ms + detect_ms, type: 'ReplyBegan', data: '"response_id":"r' || turn || '"'},
        {place: turn * 20 + 5, at_ms: stopped_ms + detect_ms + 300, type: 'CalleeSaid',
            data: '"item_id":"in' || turn || '","text":"Yes, I think that is right, thank you."'},
        {place: turn * 20 + 6, at_ms: stopped_ms + detect_ms + model_ms, type: 'ReplyAudioArrived',
            data: '"response_id":"r' || turn || '","item_id":"out' || turn || '"'},
        {place: turn * 20 + 7, at_ms: stopped_ms + detect_ms + model_ms + ours_ms, type: 'AgentSoundStarted',
            data: '"item_id":"out' || turn || '","first_sound_ms":'
                || (stopped_ms + detect_ms + model_ms + ours_ms + lead_in_ms)::DECIMAL(12, 3)},
        {place: turn * 20 + 8, at_ms: stopped_ms + 3000, type: 'ReplyEnded', data: '"response_id":"r' || turn
            || '","status":"completed","input_tokens":' || (600 + 90 * turn) || ',"output_tokens":150'},
        {place: turn * 20 + 9, at_ms: stopped_ms + 6000, type: 'AgentSaid', data: '"item_id":"out' || turn
            || '","meant":"' || question || '","heard":"' || question
            || '","heard_ms":3000.0,"received_ms":3000.0,"is_cut":' || is_cut}
    ], recursive := true)
    FROM talks
),
tools AS (
    SELECT call_id, created_at, unnest([
        {place: turn * 20 + 10, at_ms: stopped_ms + 3000, type: 'ToolCalled', data: '"tool_call_id":"t' || turn
            || '","name":"record_answer","arguments":"{}"'},
        {place: turn * 20 + 11, at_ms: stopped_ms + 3001, type: 'AnswerRecorded', data: '"question":"'
            || ['attending', 'pain', 'arrival'][1 + turn % 3] || '","value":"' || (turn % 2) || '"'},
        {place: turn * 20 + 12, at_ms: stopped_ms + 3002, type: 'ToolReturned', data: '"tool_call_id":"t' || turn
            || '","name":"record_answer","output":"Noted.","took_ms":1.0,"is_failure":false'}
    ], recursive := true)
    FROM talks
    WHERE turn % 2 = 1
),
cuts AS (
    SELECT call_id, created_at, unnest([
        {place: turn * 20 + 13, at_ms: stopped_ms + 5900, type: 'CalleeSoundStarted', data: ''},
        {place: turn * 20 + 14, at_ms: stopped_ms + 5990, type: 'SpeechStarted', data: '"item_id":"cut' || turn || '"'},
        {place: turn * 20 + 15, at_ms: stopped_ms + 6000, type: 'AgentInterrupted', data: '"item_id":"out' || turn
            || '","heard_ms":3000.0,"dropped_ms":900.0,"last_frame_ms":' || (stopped_ms + 5990 + 60 * detect_ms / 500)}
    ], recursive := true)
    FROM talks
    WHERE is_cut
)
FROM all_calls UNION ALL FROM answered UNION ALL FROM turns UNION ALL FROM tools UNION ALL FROM cuts;

CREATE TABLE call_events AS
SELECT
    call_id,
    row_number() OVER (PARTITION BY call_id ORDER BY place) AS seq,
    at_ms, type,
    '{"call_id":"' || call_id || '","at_ms":' || at_ms::DECIMAL(12, 3) || CASE WHEN data = '' THEN '' ELSE ',' || data END
        || '}' AS data,
    created_at + to_milliseconds(at_ms::BIGINT) AS recorded_at
FROM happened;

CREATE TABLE calls AS
SELECT
    call_id, contact_id, '+1212' || lpad(substr(contact_id, 2), 7, '0') AS number,
    'list-' || (substr(contact_id, 2)::BIGINT % 8) AS campaign, 'survey' AS script_name, script_version,
    'asterisk' AS line, 'ended' AS state, '{}' AS answers, '' AS detail,
    created_at, created_at + INTERVAL 60 SECOND AS changed_at, created_at + INTERVAL 60 SECOND AS ended_at,
    created_at AS admitted_at, CASE WHEN is_answered THEN created_at + INTERVAL 1 SECOND END AS answered_at,
    CASE WHEN is_answered THEN 'answered' WHEN luck < 0.6 THEN 'no_answer' ELSE 'busy' END AS phone_result,
    CASE
        WHEN NOT is_answered THEN 'not_reached' WHEN luck < 0.2 THEN 'hung_up_early' WHEN luck < 0.3 THEN 'refused'
        WHEN luck < 0.6 THEN 'partial' ELSE 'completed'
    END AS disposition,
    CASE WHEN NOT is_answered THEN 'network' WHEN luck < 0.4 THEN 'callee' ELSE 'agent' END AS ended_by,
    CASE WHEN is_answered THEN 59000.0 ELSE 0.0 END AS duration_ms,
    CASE WHEN is_answered THEN turns ELSE 0 END AS turns, 0 AS barge_ins,
    CASE WHEN is_answered AND luck > 0.05 THEN 9000.0 END AS disclosed_at_ms
FROM planned;
