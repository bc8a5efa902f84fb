"""The published figures that pictures and tests hold the simulator against."""

from typing import Final

# 5.8 % of the 1RM, the error of estimate of Conceição 2016, as a velocity by the slope of the same regression.
VELOCITY_ERROR_M_S: Final = 5.8 / 55.509
VELOCITY_AT_1RM_M_S: Final = (0.21, 0.04)
# ACSM 2009: moderate, each way. Martín-Fuentes 2020: paced, each way.
MODERATE_S: Final = (1.0, 2.0)
PACED_S: Final = 2.0
# Izquierdo 2006, squats: the share of the possible reps at which the loss of velocity begins to be significant.
LOSS_BEGINS: Final = 0.48
# Passive hip flexion of 100 adults, pelvis included: mean and standard deviation.
HIPS_DEG: Final = {"men": (110.8, 7.4), "women": (121.3, 7.2)}
