"""The learned half of the decision behind a semantic hit: do these two prompts deserve the same answer?"""
