"""The voice model's side of a call. `engine` is the contract with the bridge; begin reading there."""
