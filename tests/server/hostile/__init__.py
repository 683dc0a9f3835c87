"""What nobody sends who means well, on a real socket."""
