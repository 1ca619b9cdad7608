"""What tasks share that write one sequence after reading another."""
