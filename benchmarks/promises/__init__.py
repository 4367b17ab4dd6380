"""Whether promises hold under load: caps, fairness, holds, tokens, kills."""
