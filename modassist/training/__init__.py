"""From labelled threads to a trained model; scikit-learn is needed here and nowhere else."""
