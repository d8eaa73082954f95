"""The interpreters: evaluate, jvp, linearise and transpose, batch, simplify, lower. Program in, program out."""
