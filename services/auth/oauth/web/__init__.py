"""The provider as HTTP shows it: endpoints for programs, pages for people."""
