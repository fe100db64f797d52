"""What tests share: clouds, circuits, chips, servers, clocks."""
