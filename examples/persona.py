"""A simulated callee: what they say to what they hear. Try it: `python -m examples.persona`.

To rehearse against one, add it to `PERSONAS` in `rehearsal/personas.py` and give it a number in `rehearsal/public.py`.
"""

from opendeep_kit.rehearsal.personas import Answer, Mind, Persona

HARD_OF_HEARING = Persona(
    name="hard_of_hearing",
    about="wants to hear everything twice",
    voice="callee_low",
    speed=0.9,
    pause_ms=900.0,
    answers=(
        Answer(r"speaking (with|to)", "Who? You have to speak up."),
        Answer(r"\bai\b|artificial", "A what? A machine?"),
        Answer(r"goodbye|bye", "Yes, yes. Goodbye.", hang_up=True),
    ),
    otherwise="Pardon?",
)
TALK = (
    "Hello, this is an AI assistant. Am I speaking with Maria Alvarez?",
    "I am an artificial assistant of Riverside Dental.",
    "It is about Tuesday at ten.",
    "Thank you, goodbye!",
)
"""What an agent may say."""


if __name__ == "__main__":
    mind = Mind(HARD_OF_HEARING)
    for words in TALK:
        answer = mind.answer(words)
        print(f"agent   {words}\ncallee  {answer.say if answer else '(nothing)'}")
