"""Stages that leave weights out: masked ones, packed ones, and units that are gone."""
