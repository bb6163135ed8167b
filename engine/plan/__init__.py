"""What is known of a job before it is started; imports no training library."""
