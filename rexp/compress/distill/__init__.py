"""Stages that teach a student what a teacher knows, inside the student's fit."""
