"""Tests of shipped programs."""
